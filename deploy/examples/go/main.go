// Reads articles with franz-go: committed only, validated, each event once.
//
//	go run . 127.0.0.1:9092 news.articles ../../../schemas/json
package main

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/twmb/franz-go/pkg/kgo"
)

var types = map[string]bool{
	"news.article.created": true, "news.article.updated": true, "news.article.withdrawn": true,
}

func main() {
	servers, topic, folder := os.Args[1], os.Args[2], os.Args[3]
	schemas := map[string]*jsonschema.Schema{}
	compiler := jsonschema.NewCompiler()
	for _, name := range []string{"article", "article-withdrawn"} {
		schemas["urn:newswire:"+name+":v1"] = compiler.MustCompile(filepath.Join(folder, name+".json"))
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(strings.Split(servers, ",")...),
		kgo.ConsumeTopics(topic),
		kgo.ConsumerGroup("example-go"),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	seen := map[string]bool{} // a service keeps ce_id beside what it made of the event
	for {
		fetches := client.PollFetches(context.Background())
		if errs := fetches.Errors(); len(errs) > 0 {
			log.Fatal(errs)
		}
		fetches.EachRecord(func(record *kgo.Record) {
			headers := map[string]string{}
			for _, header := range record.Headers {
				headers[header.Key] = string(header.Value)
			}
			schema := schemas[headers["ce_dataschema"]]
			if record.Value == nil || schema == nil || !types[headers["ce_type"]] || seen[headers["ce_id"]] {
				return // not known, or known already
			}
			seen[headers["ce_id"]] = true
			show(headers, record.Value, schema)
		})
	}
}

func show(headers map[string]string, value []byte, schema *jsonschema.Schema) {
	article, err := jsonschema.UnmarshalJSON(bytes.NewReader(value))
	if err == nil {
		err = schema.Validate(article)
	}
	if err != nil {
		fmt.Printf("invalid\t%s\t%s\n", headers["ce_id"], strings.Join(strings.Fields(err.Error()), " "))
		return
	}
	fields := article.(map[string]any)
	kind := headers["ce_type"][strings.LastIndex(headers["ce_type"], ".")+1:]
	headline, _ := fields["headline"].(string)
	fmt.Printf("%s\t%s\t%v\t%s\n", kind, fields["articleId"], fields["revision"], headline)
}
