// MQTT.js, which only tests and benchmarks need. It is named here and not in deno.json, so that a
// user's first command does not fetch it; tests/deno.lock pins it.

export { default } from "npm:mqtt@5.16.0";
export type { IClientOptions, IPublishPacket, MqttClient } from "npm:mqtt@5.16.0";
