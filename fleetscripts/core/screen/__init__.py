"""What stands on a screen: its lines, its regions, the rules that match."""
