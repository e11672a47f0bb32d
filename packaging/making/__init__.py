"""How the packages are made: pins -> wheels -> what is laid down -> .deb, .rpm and the offline bundle."""
