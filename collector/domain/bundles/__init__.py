"""What is carried here by hand: bundles from agents that no network reaches, and receipts that go back."""
