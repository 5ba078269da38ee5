package p; parcelable A; parcelable B cpp_header "b.h"; parcelable C ndk_header "c.h" ; parcelable D rust_type "d"; parcelable E cpp_header "e.h" ndk_header "f.h" rust_type "g::h";
