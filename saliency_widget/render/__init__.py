"""Drawing explanations for paper and screen outside the page; it knows explanations only by their public face."""
