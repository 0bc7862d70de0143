{{/* flowsensor.conf: a map of the sensor's own options is made from the values, then written as libconfig. */}}

{{/* A text, number or truth value as a librdkafka property writes it; YAML's numbers arrive as floating point. */}}
{{- define "flowsensor.scalar" -}}
{{- if kindIs "float64" . -}}
{{- ternary (int64 . | toString) (toString .) (eq . (int64 . | float64)) -}}
{{- else -}}
{{- toString . -}}
{{- end -}}
{{- end -}}

{{/* JSON list of librdkafka properties: (dict "context" $ "servers" [] "config" {} "kafka" BOOL "sasl" {}). */}}
{{- define "flowsensor.kafkaProperties" -}}
{{- $secrets := "/etc/flowsensor/secrets" -}}
{{- $properties := dict "bootstrap.servers" (join "," .servers) -}}
{{- if .kafka -}}
{{- with .sasl -}}
{{- if .enabled -}}
{{- $_ := set $properties "sasl.mechanism" .mechanism -}}
{{- $login := dict "sasl.username" (.username | default (printf "${file:%s/kafka/username}" $secrets)) "sasl.password" (printf "${file:%s/kafka/password}" $secrets) -}}
{{- if eq .mechanism "OAUTHBEARER" }}{{ $login = include "flowsensor.tokens" . | fromJson }}{{ end -}}
{{- $_ := merge $properties $login -}}
{{- end -}}
{{- end -}}
{{- with .context.Values.kafka.tls -}}
{{- if .enabled -}}
{{- if and .caKey (or .existingSecret .caSecret) -}}
{{- $_ := set $properties "ssl.ca.location" (printf "%s/kafka-tls/ca.crt" $secrets) -}}
{{- end -}}
{{- if and .existingSecret .certificateKey -}}
{{- $_ := set $properties "ssl.certificate.location" (printf "%s/kafka-tls/tls.crt" $secrets) -}}
{{- $_ := set $properties "ssl.key.location" (printf "%s/kafka-tls/tls.key" $secrets) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $tls := .context.Values.kafka.tls.enabled -}}
{{- if or $tls .sasl.enabled -}}
{{- $plain := ternary "SASL_PLAINTEXT" "PLAINTEXT" .sasl.enabled -}}
{{- $_ := set $properties "security.protocol" (ternary (ternary "SASL_SSL" "SSL" .sasl.enabled) $plain $tls) -}}
{{- end -}}
{{- range $name, $value := .config -}}
{{- $_ := set $properties $name (include "flowsensor.scalar" $value) -}}
{{- end -}}
{{- end -}}
{{- $list := list -}}
{{- range $name, $value := $properties -}}
{{- $list = append $list (printf "%s=%s" $name $value) -}}
{{- end -}}
{{- toJson $list -}}
{{- end -}}

{{/* JSON map of librdkafka properties by which tokens for OAUTHBEARER are got; of kafka.sasl. */}}
{{- define "flowsensor.tokens" -}}
{{- $secrets := "/etc/flowsensor/secrets/kafka" -}}
{{- $properties := dict -}}
{{- with .oauth.tokenUrl -}}
{{- $_ := set $properties "sasl.oauthbearer.token.endpoint.url" . -}}
{{- $_ := set $properties "sasl.oauthbearer.client.id" ($.username | default (printf "${file:%s/username}" $secrets)) -}}
{{- $_ := set $properties "sasl.oauthbearer.client.secret" (printf "${file:%s/password}" $secrets) -}}
{{- end -}}
{{- with .oauth.scope }}{{ $_ := set $properties "sasl.oauthbearer.scope" . }}{{ end -}}
{{- if .oauth.audience }}{{ $_ := set $properties "sasl.oauthbearer.token.file" (printf "%s/token" $secrets) }}{{ end -}}
{{- $extensions := list -}}
{{- range $name, $value := .oauth.extensions }}{{ $extensions = append $extensions (printf "%s=%s" $name $value) }}{{ end -}}
{{- with $extensions }}{{ $_ := set $properties "sasl.oauthbearer.extensions" (join "," .) }}{{ end -}}
{{- toJson $properties -}}
{{- end -}}

{{/* JSON list of the outputs that the values describe, all with every member of a Kafka output. */}}
{{- define "flowsensor.outputs" -}}
{{- $kafka := .Values.kafka -}}
{{- $common := dict "bootstrapServers" $kafka.bootstrapServers "config" $kafka.config "framing" $kafka.framing
    "subjectStrategy" $kafka.subjectStrategy "columnsToAnonymize" $kafka.columnsToAnonymize "schema" $kafka.schema
    "headers" $kafka.headers "key" $kafka.key "recordKinds" $kafka.recordKinds -}}
{{- /* An id is of one schema, so the other outputs don't have it by default. */ -}}
{{- $outputs := list (merge (dict "topic" $kafka.topic "schemaId" $kafka.schemaId) $common) -}}
{{- range $schema, $topic := dict "heartbeat/v1" $kafka.heartbeatTopic "ndpi_dictionary/v1" $kafka.dictionaryTopic
    "sensor_stats/v1" $kafka.statsTopic -}}
{{- if $topic -}}
{{- /* A record a second or a minute, or some hundred once, needs no queue of the flows' size, and has a key of its own. */ -}}
{{- $config := mergeOverwrite (deepCopy $kafka.config) (dict "queue.buffering.max.kbytes" 1024) -}}
{{- $outputs = append $outputs (mergeOverwrite (omit (deepCopy $common) "key" "recordKinds") (dict "topic" $topic "schema" $schema "columnsToAnonymize" list "config" $config)) -}}
{{- end -}}
{{- end -}}
{{- range .Values.extraOutputs -}}
{{- $outputs = append $outputs (mergeOverwrite (deepCopy $common) (deepCopy .) (dict "config" (mergeOverwrite (deepCopy $kafka.config) (.config | default dict)))) -}}
{{- end -}}
{{- toJson $outputs -}}
{{- end -}}

{{/*
The same for a purpose: the test sends to the test's topic alone, where there is one, and the hooks make that one too.
*/}}
{{- define "flowsensor.outputsFor" -}}
{{- $outputs := include "flowsensor.outputs" .context | fromJsonArray -}}
{{- $test := .context.Values.test -}}
{{- $topics := list -}}
{{- range $outputs }}{{ $topics = append $topics .topic }}{{ end -}}
{{- if and (ne .purpose "run") $test.enabled $test.topic -}}
{{- $own := mergeOverwrite (deepCopy (first $outputs)) (dict "topic" $test.topic) -}}
{{- if eq .purpose "test" -}}
{{- $outputs = list $own -}}
{{- else if not (has $test.topic $topics) -}}
{{- $outputs = append $outputs $own -}}
{{- end -}}
{{- end -}}
{{- toJson $outputs -}}
{{- end -}}

{{/*
JSON map of the sensor's options: (dict "context" $ "purpose" "run"|"schema"|"topics"|"test").
run is the DaemonSet's; schema talks to the registry alone and names no Secret of Kafka's; topics may have an account of its own; test makes its record for a topic of its own.
*/}}
{{- define "flowsensor.options" -}}
{{- $values := .context.Values -}}
{{- $secrets := "/etc/flowsensor/secrets" -}}
{{- $sasl := include "flowsensor.sasl" . | fromJson -}}
{{- /* The test has one record and one output, which may take no others. */ -}}
{{- $publishes := ne .purpose "test" -}}
{{- $outputs := list -}}
{{- range include "flowsensor.outputsFor" . | fromJsonArray -}}
{{- $from := . -}}
{{- $output := dict "topic" $from.topic "subject_strategy" $from.subjectStrategy -}}
{{- range $option, $value := dict "name" $from.name "schema" $from.schema "framing" $from.framing "key" $from.key "columns_to_anonymize" $from.columnsToAnonymize -}}
{{- if $value }}{{ $_ := set $output $option $value }}{{ end -}}
{{- end -}}
{{- if not (kindIs "invalid" $from.headers) }}{{ $_ := set $output "headers" $from.headers }}{{ end -}}
{{- if and (eq $.purpose "run") $values.spool.deadLetters }}{{ $_ := set $output "dead_letters" (printf "/var/lib/flowsensor/dead-letters-%s.jsonl" ($from.name | default $from.topic)) }}{{ end -}}
{{- if and (eq $.purpose "run") $from.schemaId }}{{ $_ := set $output "schema_id" $from.schemaId }}{{ end -}}
{{- if and $publishes $from.recordKinds }}{{ $_ := set $output "record_kinds" $from.recordKinds }}{{ end -}}
{{- $properties := dict "context" $.context "servers" $from.bootstrapServers "config" $from.config "kafka" (ne $.purpose "schema") "sasl" $sasl -}}
{{- $_ := set $output "kafka" (include "flowsensor.kafkaProperties" $properties | fromJsonArray) -}}
{{- $outputs = append $outputs $output -}}
{{- end -}}
{{- $capture := dict "interfaces" $values.capture.interfaces "promiscuous_mode" $values.capture.promiscuousMode
    "snapshot_length" $values.capture.snapshotLength "socket_buffer_size" $values.capture.socketBufferSize
    "exclude_self" $values.capture.excludeSelf -}}
{{- with $values.capture.roles }}{{ $_ := set $capture "roles" . }}{{ end -}}
{{- if ne $values.capture.scope "all" }}{{ $_ := set $capture "scope" $values.capture.scope }}{{ end -}}
{{- with $values.capture.blockTimeout }}{{ $_ := set $capture "block_timeout" . }}{{ end -}}
{{- with $values.capture.bpfFilter }}{{ $_ := set $capture "bpf_filter" . }}{{ end -}}
{{- $meter := dict "n_meters" $values.meter.meters "flow_table_size" $values.meter.flowTableSize
    "idle_timeout" $values.meter.idleTimeout "active_timeout" $values.meter.activeTimeout
    "accounting_mode" $values.meter.accountingMode "tunnel_key" $values.meter.tunnelKey -}}
{{- range $option, $value := dict "decode_tunnels" $values.meter.decodeTunnels "tcp_end" $values.meter.tcpEnd "n_dissections" $values.meter.dissections
    "statistical_analysis" $values.meter.statisticalAnalysis "splt_analysis" $values.meter.spltAnalysis "splt_packets" $values.meter.spltPackets -}}
{{- if not (kindIs "invalid" $value) }}{{ $_ := set $meter $option $value }}{{ end -}}
{{- end -}}
{{- if $values.meter.dissectionFlows }}{{ $_ := set $meter "dissection_flows" $values.meter.dissectionFlows }}{{ end -}}
{{- if ne $values.meter.udpAnsweredTimeout "0s" }}{{ $_ := set $meter "udp_answered_timeout" $values.meter.udpAnsweredTimeout }}{{ end -}}
{{- if $publishes -}}
{{- range $option, $value := dict "early_after" $values.meter.earlyAfter "update_interval" $values.meter.updateInterval -}}
{{- if ne $value "0s" }}{{ $_ := set $meter $option $value }}{{ end -}}
{{- end -}}
{{- $numbers := list -}}
{{- range $values.meter.earlyPackets }}{{ $numbers = append $numbers (include "flowsensor.scalar" .) }}{{ end -}}
{{- with $numbers }}{{ $_ := set $meter "early_packets" . }}{{ end -}}
{{- end -}}
{{- $overload := dict -}}
{{- range $option, $value := dict "steps" $values.overload.steps "enter" $values.overload.enter "leave" $values.overload.leave "patience" $values.overload.patience
    "idle_timeout" $values.overload.idleTimeout "sampling_rate" $values.overload.samplingRate -}}
{{- if not (kindIs "invalid" $value) }}{{ $_ := set $overload $option $value }}{{ end -}}
{{- end -}}
{{- $ports := list -}}
{{- range $tunnel, $numbers := $values.meter.tunnelPorts }}{{ $ports = append $ports (printf "%s=%s" $tunnel (join "," $numbers)) }}{{ end -}}
{{- with $ports }}{{ $_ := set $meter "tunnel_ports" . }}{{ end -}}
{{- $options := dict "profile" $values.profile "capture" $capture "meter" $meter "outputs" $outputs
    "delivery" (dict "shutdown_timeout" $values.delivery.shutdownTimeout)
    "log" (dict "level" $values.log.level "format" $values.log.format) -}}
{{- with $overload }}{{ $_ := set $options "overload" . }}{{ end -}}
{{- with $values.performanceReport }}{{ $_ := set $options "performance_report" . }}{{ end -}}
{{- $identity := dict "sensor_id" $values.identity.sensorId -}}
{{- if $values.identity.existingSecret }}{{ $_ := set $identity "key_file" (printf "%s/identity/key" $secrets) }}{{ end -}}
{{- if $values.identity.connKey.existingSecret }}{{ $_ := set $identity "conn_key_file" (printf "%s/identity/conn-key" $secrets) }}{{ end -}}
{{- $_ := set $options "identity" $identity -}}
{{- if $values.anonymization.existingSecret }}{{ $_ := set $options "anonymization" (dict "key_file" (printf "%s/anonymization/key" $secrets)) }}{{ end -}}
{{- if $values.schemaRegistry.url }}{{ $_ := set $options "registry" (include "flowsensor.registryOptions" . | fromJson) }}{{ end -}}
{{- if eq .purpose "run" -}}
{{- $_ := set $options "monitoring" (dict "listen" (include "flowsensor.listen" .context)) -}}
{{- $spool := dict "when_full" $values.spool.whenFull "drain_rate" $values.spool.drainRate -}}
{{- if $values.spool.enabled }}{{ $spool = merge $spool (dict "directory" "/var/lib/flowsensor/spool" "size" $values.spool.size) }}{{ end -}}
{{- $_ := set $options "spool" $spool -}}
{{- end -}}
{{- if eq .purpose "topics" -}}
{{- $config := list -}}
{{- range $name, $value := $values.topics.config }}{{ $config = append $config (printf "%s=%s" $name (include "flowsensor.scalar" $value)) }}{{ end -}}
{{- $topics := dict "partitions" $values.topics.partitions "replication_factor" $values.topics.replicationFactor "config" $config -}}
{{- with $values.topics.principal }}{{ $_ := set $topics "principal" . }}{{ end -}}
{{- if and $values.topics.principal $values.test.enabled $values.test.topic }}{{ $_ := set $topics "readable" (list $values.test.topic) }}{{ end -}}
{{- $_ := set $options "topics" $topics -}}
{{- end -}}
{{- toJson (mergeOverwrite $options (deepCopy $values.extraConfig)) -}}
{{- end -}}

{{- define "flowsensor.registryOptions" -}}
{{- $secrets := "/etc/flowsensor/secrets" -}}
{{- $from := .context.Values.schemaRegistry -}}
{{- $registry := dict "url" $from.url "timeout" $from.timeout -}}
{{- if eq .purpose "run" }}{{ $_ := set $registry "cache_directory" "/var/lib/flowsensor" }}{{ end -}}
{{- if and (eq .purpose "run") $from.trustCache }}{{ $_ := set $registry "trust_cache" true }}{{ end -}}
{{- if $from.oauth.tokenUrl -}}
{{- $_ := set $registry "oauth_token_url" $from.oauth.tokenUrl -}}
{{- $_ := set $registry "oauth_client_id" (printf "${file:%s/registry/username}" $secrets) -}}
{{- $_ := set $registry "oauth_client_secret_file" (printf "%s/registry/password" $secrets) -}}
{{- with $from.oauth.scope }}{{ $_ := set $registry "oauth_scope" . }}{{ end -}}
{{- else if $from.bearerTokenKey -}}
{{- $_ := set $registry "bearer_token_file" (printf "%s/registry/token" $secrets) -}}
{{- else if $from.existingSecret -}}
{{- $_ := set $registry "username" (printf "${file:%s/registry/username}" $secrets) -}}
{{- $_ := set $registry "password_file" (printf "%s/registry/password" $secrets) -}}
{{- end -}}
{{- if and $from.tls.existingSecret $from.tls.caKey }}{{ $_ := set $registry "ca_file" (printf "%s/registry-tls/ca.crt" $secrets) }}{{ end -}}
{{- if and $from.tls.existingSecret $from.tls.certificateKey -}}
{{- $_ := set $registry "certificate_file" (printf "%s/registry-tls/tls.crt" $secrets) -}}
{{- $_ := set $registry "key_file" (printf "%s/registry-tls/tls.key" $secrets) -}}
{{- end -}}
{{- toJson $registry -}}
{{- end -}}

{{/* JSON of kafka.sasl, for the topics' hook with the administrator's Secret where there is one. */}}
{{- define "flowsensor.sasl" -}}
{{- $sasl := .context.Values.kafka.sasl -}}
{{- with .context.Values.topics.admin -}}
{{- if and (eq $.purpose "topics") .existingSecret -}}
{{- $sasl = mergeOverwrite (deepCopy $sasl) (dict "username" "" "existingSecret" .existingSecret "usernameKey" .usernameKey "passwordKey" .passwordKey) -}}
{{- end -}}
{{- end -}}
{{- toJson $sasl -}}
{{- end -}}

{{- define "flowsensor.listen" -}}
{{- $address := .Values.monitoring.address | default "${HOST_IP}" -}}
{{- $brackets := or (contains ":" $address) (and .Values.monitoring.ipv6 (not .Values.monitoring.address)) -}}
{{- ternary (printf "[%s]" $address) $address $brackets }}:{{ int .Values.monitoring.port }}
{{- end -}}

{{/* A value of libconfig: (dict "value" VALUE "indent" NUMBER). A map is a group, a list of maps a list, any other list an array. */}}
{{- define "flowsensor.libconfig" -}}
{{- $inner := add .indent 4 | int -}}
{{- $outdent := repeat (int .indent) " " -}}
{{- if kindIs "string" .value -}}
"{{ .value | replace "\\" "\\\\" | replace "\"" "\\\"" | replace "\n" "\\n" | replace "\t" "\\t" | replace "\r" "\\r" }}"
{{- else if kindIs "bool" .value -}}
{{ .value }}
{{- else if kindIs "map" .value -}}
{
{{- range $name, $value := .value }}
{{ repeat $inner " " }}{{ $name }} = {{ include "flowsensor.libconfig" (dict "value" $value "indent" $inner) }};
{{- end }}
{{ $outdent }}}
{{- else if kindIs "slice" .value -}}
{{- $groups := and (gt (len .value) 0) (kindIs "map" (first .value)) -}}
{{- ternary "(" "[" $groups }}
{{- range $index, $value := .value }}
{{- if $index }},{{ end }}
{{ repeat $inner " " }}{{ include "flowsensor.libconfig" (dict "value" $value "indent" $inner) }}
{{- end }}
{{ $outdent }}{{ ternary ")" "]" $groups }}
{{- else -}}
{{ int64 .value }}{{ if gt (int64 .value) 2147483647 }}L{{ end }}
{{- end -}}
{{- end -}}

{{/* The text of a configuration file: as flowsensor.options. */}}
{{- define "flowsensor.conf" -}}
# Made by the chart {{ .context.Chart.Name }}; change its values, not this file.
{{- range $name, $value := include "flowsensor.options" . | fromJson }}
{{ $name }} = {{ include "flowsensor.libconfig" (dict "value" $value "indent" 0) }};
{{- end }}
{{- end -}}

{{/* What is in the folder /etc/flowsensor beside secrets: as flowsensor.options. */}}
{{- define "flowsensor.configData" -}}
flowsensor.conf: |
  {{- include "flowsensor.conf" . | nindent 2 }}
{{- range $name, $text := .context.Values.schemas }}
{{ $name }}: {{ toJson $text }}
{{- end }}
{{- end -}}
