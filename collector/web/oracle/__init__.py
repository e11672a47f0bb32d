"""What pages about Oracle connections, tickets and alerts share: outcomes, scores and values shaped for people."""
