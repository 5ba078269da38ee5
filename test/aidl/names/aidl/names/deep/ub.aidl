package names.deep;

parcelable ub {
    int __proto__;
    int toString;
}
