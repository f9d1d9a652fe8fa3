"""Scripts that make the models of `transforms/models/`; nothing at run time imports them."""
