"""The link: what agents speak with the collector (`/agent/v1`)."""
