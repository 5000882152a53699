"""How a stack comes to be, changes and goes: decided and checked first, shown, asked about, done."""
