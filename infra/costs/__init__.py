"""What a stage costs in a month: `make cost`. Nothing of it is deployed."""
