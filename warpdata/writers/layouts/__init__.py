"""The layouts that trainers read, one file each, and the table of them."""
