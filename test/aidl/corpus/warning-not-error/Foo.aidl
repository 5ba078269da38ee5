interface Foo { }
