interface I { I f(I other); void g(in I[] all, in List<I> list); }
