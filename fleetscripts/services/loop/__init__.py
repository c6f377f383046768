"""The cycle, and the loop that carries out what it proposes."""
