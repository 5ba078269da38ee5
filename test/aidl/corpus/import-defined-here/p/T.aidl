package p; import q.T; interface T { }
