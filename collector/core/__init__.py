"""What every part of the collector stands on: settings, the gateway to the database, columns, certificates."""
