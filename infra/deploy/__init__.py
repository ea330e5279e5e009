"""What an operator runs: `make deploy` and `make destroy`. Nothing of it is deployed."""
