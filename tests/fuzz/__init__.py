"""Coverage-guided fuzzing of the pure stages."""
