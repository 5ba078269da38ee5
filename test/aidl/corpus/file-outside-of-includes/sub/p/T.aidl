package p; interface T { }
