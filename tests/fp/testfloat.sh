#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# TestFloat level 1: every operation and conversion, every rounding mode, both ways of detecting tininess.
#
#   testfloat.sh DRIVER [FUNCTION...]
#
# testfloat_gen (any build of it: NaN payloads are not compared) is looked for in PATH; without it the test is skipped.
# The fused multiply-adds have millions of cases each and run only when named.
set -u
driver=$1
shift
command -v testfloat_gen >/dev/null || { echo "skipped: no testfloat_gen in PATH"; exit 77; }

functions=("$@")
if [ ${#functions[@]} -eq 0 ]; then
    for type in f16 f32 f64 extF80 f128; do
        for op in add sub mul div rem sqrt roundToInt eq eq_signaling lt lt_quiet le le_quiet; do functions+=("${type}_$op"); done
        for to in f16 f32 f64 extF80 f128; do [ $to = $type ] || functions+=("${type}_to_$to"); done
        # Integer results out of range differ from build to build; host_sse_test and arm_test look at those.
        for from in i32 ui32 i64 ui64; do functions+=("${from}_to_$type"); done
    done
fi

failed=0
for function in "${functions[@]}"; do
    for rounding in -rnear_even -rminMag -rmin -rmax -rnear_maxMag; do
        for tininess in -tininessbefore -tininessafter; do
            options="$rounding $tininess -exact"
            # shellcheck disable=SC2086
            testfloat_gen $options "$function" 2>/dev/null | "$driver" -rules any $options "$function" >/tmp/testfloat.$$ ||
                { echo "$options"; cat /tmp/testfloat.$$; failed=1; }
        done
    done
done
rm -f /tmp/testfloat.$$
[ $failed = 0 ] && echo "${#functions[@]} functions agree"
exit $failed
