// SPDX-License-Identifier: Apache-2.0
package ubinder.interop;

interface IEchoCallback {
    int onCountDown(int depth);

    oneway void onText(String text);
}
