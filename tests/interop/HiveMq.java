// HiveMQ Community Edition on a port of 127.0.0.1, for tests/interop/hivemq.ts, which gathers its
// class path by Maven: java -cp CLASSPATH HiveMq.java FOLDER PORT. Everything it writes is in FOLDER.
// It tells when it takes connections, and ends when its standard input does.

import com.hivemq.embedded.EmbeddedHiveMQ;
import java.nio.file.Files;
import java.nio.file.Path;

class HiveMq {
  private static final String CONFIGURATION = """
      <hivemq>
        <listeners>
          <tcp-listener><port>%s</port><bind-address>127.0.0.1</bind-address></tcp-listener>
        </listeners>
        <persistence><mode>in-memory</mode></persistence>
        <anonymous-usage-statistics><enabled>false</enabled></anonymous-usage-statistics>
      </hivemq>
      """;

  public static void main(String[] arguments) throws Exception {
    Path folder = Path.of(arguments[0]);
    System.setProperty("hivemq.log.folder", folder.resolve("log").toString());
    Files.writeString(folder.resolve("config.xml"), CONFIGURATION.formatted(arguments[1]));
    Path extensions = Files.createDirectory(folder.resolve("extensions"));
    try (EmbeddedHiveMQ server = EmbeddedHiveMQ.builder()
        .withConfigurationFolder(folder)
        .withDataFolder(folder.resolve("data"))
        .withExtensionsFolder(extensions)
        .build()) {
      server.start().join();
      System.out.println("HiveMQ takes connections");
      System.in.transferTo(java.io.OutputStream.nullOutputStream());
    }
    // Some of its threads would stay.
    System.exit(0);
  }
}
