@Descriptor(value="a.b.IOld") interface I { }
