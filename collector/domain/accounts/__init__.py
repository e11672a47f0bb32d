"""Linked AWS accounts: how each is entered, who looks after it, and whether it can be used."""
