package q; interface T { }
