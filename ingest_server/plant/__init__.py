"""What a plant makes and with what: plant.yaml, and what changes between two of them."""
