"""What AWS accounts cost needlessly: recommendations, from the scan that finds one to the scan that misses it."""
