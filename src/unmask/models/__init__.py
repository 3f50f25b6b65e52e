"""Networks, their cards, the engines that run them."""
