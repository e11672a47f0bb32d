"""What two accounts hold, planted case by case from what is known of AWS, with the key to what must be found in it."""
