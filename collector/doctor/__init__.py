"""What `doctor` looks at. One more look is one `Look` in a module's LOOKS: its ids with titles, and what it yields."""
