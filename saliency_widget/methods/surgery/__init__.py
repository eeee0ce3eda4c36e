"""How methods change the rules of a private copy of a network: what each call of torch is answered with."""
