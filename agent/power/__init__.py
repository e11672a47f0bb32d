"""Starting and stopping what schedules apply to: deciding is pure, acting happens in a child process."""
