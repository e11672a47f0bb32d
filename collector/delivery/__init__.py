"""What leaves the collector: webhooks, mail, syslog, and a sign of life; driven by the outbox."""
