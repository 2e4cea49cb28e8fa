"""What an operator runs beside the deployed stack. Never deployed itself."""
