/* lic */
import java.util.List;
// two
parcelable P { }