"""The contract: what downstream services read."""
