"""What people and machines that run a worker look at: health, metrics, the state of the loop."""
