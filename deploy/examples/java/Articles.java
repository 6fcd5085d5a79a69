// Reads articles with Kafka's own client: committed only, validated, each event once.
//
//   mvn dependency:copy-dependencies -DoutputDirectory=jars
//   java -cp 'jars/*' Articles.java 127.0.0.1:9092 news.articles ../../../schemas/json
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

public class Articles {
  static final Set<String> TYPES =
      Set.of("news.article.created", "news.article.updated", "news.article.withdrawn");
  static final ObjectMapper JSON = new ObjectMapper();

  public static void main(String[] args) throws Exception {
    Map<String, JsonSchema> schemas = new HashMap<>();
    JsonSchemaFactory factory = JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012);
    for (String name : List.of("article", "article-withdrawn")) {
      String text = Files.readString(Path.of(args[2], name + ".json"));
      schemas.put("urn:newswire:" + name + ":v1", factory.getSchema(text));
    }
    Set<String> seen = new HashSet<>(); // a service keeps ce_id beside what it made of the event
    Map<String, Object> settings = Map.of(
        "bootstrap.servers", args[0],
        "group.id", "example-java",
        "isolation.level", "read_committed",
        "auto.offset.reset", "earliest");
    var bytes = new ByteArrayDeserializer();
    try (var consumer = new KafkaConsumer<>(settings, bytes, bytes)) {
      consumer.subscribe(List.of(args[1]));
      while (true) {
        for (var record : consumer.poll(Duration.ofSeconds(1))) {
          JsonSchema schema = schemas.get(header(record, "ce_dataschema"));
          if (record.value() == null || schema == null || !TYPES.contains(header(record, "ce_type"))) {
            continue; // not known: ignored
          }
          if (seen.add(header(record, "ce_id"))) {
            show(record, schema);
          }
        }
      }
    }
  }

  static void show(ConsumerRecord<byte[], byte[]> record, JsonSchema schema) throws Exception {
    JsonNode article = JSON.readTree(record.value());
    var errors = schema.validate(article);
    if (!errors.isEmpty()) {
      System.out.println("invalid\t" + header(record, "ce_id") + "\t" + errors.iterator().next());
      return;
    }
    String type = header(record, "ce_type");
    System.out.println(String.join("\t",
        type.substring(type.lastIndexOf('.') + 1),
        article.get("articleId").asText(),
        article.get("revision").asText(),
        article.path("headline").asText()));
  }

  static String header(ConsumerRecord<byte[], byte[]> record, String name) {
    var found = record.headers().lastHeader(name);
    return found == null ? "" : new String(found.value(), StandardCharsets.UTF_8);
  }
}
