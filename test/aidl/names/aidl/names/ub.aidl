package names;


/** Called as the runtime is in generated code. */
parcelable ub {
    int[] create;
    names.deep.ub other;
}
