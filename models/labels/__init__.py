"""Labels of actions: the sentences they are put into, and what the model's scores say of them."""
