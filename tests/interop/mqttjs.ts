// MQTT.js, the most used client, as the other end of a test.

import mqtt, { type IClientOptions, type IPublishPacket, type MqttClient } from "../npm/mqtt.ts";
import type { Mosquitto } from "../io/mosquitto.ts";

/** A client of MQTT.js that keeps what it receives. Disposing it ends it. */
export interface MqttJs extends AsyncDisposable {
  readonly client: MqttClient;
  /** The next message. */
  next(): Promise<IPublishPacket>;
  /** Breaks the connection without a DISCONNECT. */
  cut(): void;
}

/** Connects MQTT.js with protocol version 5. It does not connect again. */
export async function connectMqttJs(
  { url }: Pick<Mosquitto, "url">,
  options: IClientOptions = {},
): Promise<MqttJs> {
  const client = await mqtt.connectAsync(
    url,
    { protocolVersion: 5, reconnectPeriod: 0, ...options },
    false,
  );
  const received: IPublishPacket[] = [];
  const readers: ((packet: IPublishPacket) => void)[] = [];
  client.on("message", (_topic, _payload, packet) => {
    const reader = readers.shift();
    if (reader === undefined) received.push(packet);
    else reader(packet);
  });
  return {
    client,
    next() {
      const packet = received.shift();
      if (packet !== undefined) return Promise.resolve(packet);
      return new Promise((resolve) => readers.push(resolve));
    },
    cut: () => void client.stream.destroy(),
    async [Symbol.asyncDispose]() {
      await client.endAsync();
    },
  };
}
