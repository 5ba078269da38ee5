parcelable A cpp_header "a.h" cpp_header "b.h";
