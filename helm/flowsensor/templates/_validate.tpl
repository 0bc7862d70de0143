{{/* What a schema can't say: values that don't go together fail the render, with the line to change. */}}

{{- define "flowsensor.validate" -}}
{{- $values := .Values -}}
{{- if not $values.image.repository -}}
{{- fail "\n\nimage.repository is empty, since no image is published yet: build one (deploy/Dockerfile), push it, and add the line\n\n  image: { repository: registry.example.com/flowsensor }\n" -}}
{{- end -}}
{{- if not $values.kafka.bootstrapServers -}}
{{- fail "\n\nkafka.bootstrapServers is empty: add your brokers, such as\n\n  kafka: { bootstrapServers: [kafka.example.com:9092] }\n" -}}
{{- end -}}
{{- if and $values.kafka.sasl.enabled (not $values.kafka.sasl.existingSecret) -}}
{{- fail "\n\nkafka.sasl.enabled needs kafka.sasl.existingSecret: the name of the Secret with the credentials\n" -}}
{{- end -}}
{{- range $where, $tls := dict "kafka.tls" $values.kafka.tls "schemaRegistry.tls" $values.schemaRegistry.tls -}}
{{- if ne (empty $tls.certificateKey) (empty $tls.keyKey) -}}
{{- fail (printf "\n\n%s.certificateKey and %s.keyKey go together: a client certificate needs its private key\n" $where $where) -}}
{{- end -}}
{{- if and $tls.certificateKey (not $tls.existingSecret) -}}
{{- fail (printf "\n\n%s.certificateKey needs %s.existingSecret: the name of the Secret with the client certificate\n" $where $where) -}}
{{- end -}}
{{- end -}}
{{- if and (eq $values.schema.provision "register") (not $values.schemaRegistry.url) -}}
{{- fail "\n\nschema.provision register needs schemaRegistry.url: the address of the registry that the schemas go to\n" -}}
{{- end -}}
{{- if and (eq $values.topics.provision "strimzi") (not $values.topics.strimzi.cluster) -}}
{{- fail "\n\ntopics.provision strimzi needs topics.strimzi.cluster: the name of the Kafka object\n" -}}
{{- end -}}
{{- if and (eq $values.topics.provision "job") $values.topics.admin.existingSecret (not $values.kafka.sasl.enabled) -}}
{{- fail "\n\ntopics.admin.existingSecret needs kafka.sasl.enabled: it holds SASL credentials\n" -}}
{{- end -}}
{{- if and $values.serviceMonitor.enabled (not $values.monitoring.service.enabled) -}}
{{- fail "\n\nserviceMonitor.enabled needs monitoring.service.enabled, whose endpoints it scrapes; or use podMonitor.enabled\n" -}}
{{- end -}}
{{- if and $values.serviceMonitor.enabled $values.podMonitor.enabled -}}
{{- fail "\n\nserviceMonitor.enabled and podMonitor.enabled would each scrape every sensor: enable one of them\n" -}}
{{- end -}}
{{- $drain := include "flowsensor.seconds" $values.delivery.shutdownTimeout | int -}}
{{- $grace := $values.terminationGracePeriodSeconds | int -}}
{{- if lt $grace (add $drain 15 | int) -}}
{{- fail (printf "\n\nterminationGracePeriodSeconds %d is less than delivery.shutdownTimeout %s + 15 s = %d s: the pod would be killed while it delivers; raise the one or lower the other\n" $grace $values.delivery.shutdownTimeout (add $drain 15)) -}}
{{- end -}}
{{- end -}}

{{/* Where the endpoint listens, if not on all addresses or the pod's own; set, Pod Security's baseline refuses it since 1.34. */}}
{{- define "flowsensor.probeHost" -}}
{{- if not (has .Values.monitoring.address (list "" "0.0.0.0" "::")) }}{{ .Values.monitoring.address }}{{ end -}}
{{- end -}}
