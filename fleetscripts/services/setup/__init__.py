"""What the product needs on a machine, and the steps that put it there and take it away again."""
