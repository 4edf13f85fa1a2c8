// mqtt-packet, the codec of MQTT.js, for tests and benchmarks alone: see mqtt.ts.

export * from "npm:mqtt-packet@9.0.2";
