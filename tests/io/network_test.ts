// Which network an address belongs to.

import { assertStrictEquals } from "@std/assert";
import { networkOf } from "../../src/io/network.ts";

for (
  const [address, network] of [
    ["192.0.2.1:40000", "192.0.2.1"],
    ["[::ffff:192.0.2.1]:40000", "192.0.2.1"],
    ["[2001:db8:1:2:3:4:5:6]:40000", "20010db800010002"],
    ["[2001:db8:1:2::1]:1", "20010db800010002"],
    ["[2001:db8:1:3::1]:1", "20010db800010003"],
    ["[fe80::1%eth0]:1", "fe80000000000000"],
    ["[::1]:1", "0000000000000000"],
    ["unix", undefined],
    ["memory", undefined],
    ["localhost:1883", undefined],
    ["192.0.2.1", undefined],
    ["", undefined],
  ] as const
) {
  Deno.test(`The network of ${JSON.stringify(address)} is ${network}`, () => {
    assertStrictEquals(networkOf(address), network);
  });
}
