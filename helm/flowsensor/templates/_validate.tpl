{{/* What a schema can't say: values that don't go together fail the render, with the line to change. */}}

{{- define "flowsensor.validate" -}}
{{- $values := .Values -}}
{{- with $values.capture.interface -}}
{{- fail (printf "\n\ncapture.interface has become a list: write `capture.interfaces: [%v]` instead (to upgrade with the values of the release before: --reset-then-reuse-values, and `capture.interface: null` if it is among yours)\n" .) -}}
{{- end -}}
{{- if not $values.image.repository -}}
{{- fail "\n\nimage.repository is empty, since no image is published yet: build one (deploy/Dockerfile), push it, and add the line\n\n  image: { repository: registry.example.com/flowsensor }\n" -}}
{{- end -}}
{{- if not $values.kafka.bootstrapServers -}}
{{- fail "\n\nkafka.bootstrapServers is empty: add your brokers, such as\n\n  kafka: { bootstrapServers: [kafka.example.com:9092] }\n" -}}
{{- end -}}
{{- if and $values.kafka.sasl.enabled (not $values.kafka.sasl.oauth.audience) (not $values.kafka.sasl.existingSecret) -}}
{{- fail "\n\nkafka.sasl.enabled needs kafka.sasl.existingSecret: the name of the Secret with the credentials\n" -}}
{{- end -}}
{{- $tokens := $values.kafka.sasl.oauth -}}
{{- if and (eq $values.kafka.sasl.mechanism "OAUTHBEARER") (eq (empty $tokens.tokenUrl) (empty $tokens.audience)) -}}
{{- fail "\n\nkafka.sasl.mechanism OAUTHBEARER needs either kafka.sasl.oauth.tokenUrl, with a client's id and secret in kafka.sasl.existingSecret, or kafka.sasl.oauth.audience\n" -}}
{{- end -}}
{{- if and $tokens.audience (or $values.kafka.sasl.existingSecret $values.topics.admin.existingSecret) -}}
{{- fail "\n\nkafka.sasl.oauth.audience needs no Secret: take kafka.sasl.existingSecret and topics.admin.existingSecret away\n" -}}
{{- end -}}
{{- if and $values.schemaRegistry.bearerTokenKey $values.schemaRegistry.oauth.tokenUrl -}}
{{- fail "\n\nschemaRegistry.bearerTokenKey and schemaRegistry.oauth.tokenUrl are two ways to get a token: give one\n" -}}
{{- end -}}
{{- range $where, $tls := dict "kafka.tls" $values.kafka.tls "schemaRegistry.tls" $values.schemaRegistry.tls -}}
{{- if ne (empty $tls.certificateKey) (empty $tls.keyKey) -}}
{{- fail (printf "\n\n%s.certificateKey and %s.keyKey go together: a client certificate needs its private key\n" $where $where) -}}
{{- end -}}
{{- if and $tls.certificateKey (not $tls.existingSecret) -}}
{{- fail (printf "\n\n%s.certificateKey needs %s.existingSecret: the name of the Secret with the client certificate\n" $where $where) -}}
{{- end -}}
{{- end -}}
{{- include "flowsensor.checkGiven" . -}}
{{- include "flowsensor.checkSchemas" . -}}
{{- if and (eq (dig "meter" "system_visibility_mode" 0 $values.extraConfig | int) 1) (not $values.hostPID) -}}
{{- fail "\n\nextraConfig.meter.system_visibility_mode 1 needs hostPID: true: without the node's processes the sensor sees its own alone (deploy/system_visibility.md)\n" -}}
{{- end -}}
{{- if $values.identity.connKey.existingSecret -}}
{{- $asked := false -}}
{{- range (concat (list $values.kafka) $values.extraOutputs) }}{{ $asked = or $asked (not (has (.schema | default "") (list "flow/v1" "nfstream/v1"))) }}{{ end -}}
{{- if not $asked -}}
{{- fail "\n\nidentity.connKey.existingSecret is for conn_key, which none of the outputs' schemas has: add the line\n\n  kafka: { schema: flow/v2 }\n" -}}
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

{{/* Schemas by a path must be there for the hooks, which come before the release's own objects. */}}
{{- define "flowsensor.checkSchemas" -}}
{{- $values := .Values -}}
{{- range (concat (list $values.kafka) $values.extraOutputs) -}}
{{- $schema := .schema | default "" -}}
{{- if and (hasPrefix "/etc/flowsensor/" $schema) (not (hasKey $values.schemas (base $schema))) -}}
{{- fail (printf "\n\nschema %s: `schemas` has no file %s; add it there, such as: helm ... --set-file 'schemas.%s=FILE'\n" $schema (base $schema) (base $schema | replace "." "\\.")) -}}
{{- end -}}
{{- end -}}
{{- $mounted := list -}}
{{- range $values.extraVolumes -}}
{{- $mounted = concat $mounted (compact (list (dig "configMap" "name" "" .) (dig "secret" "secretName" "" .))) -}}
{{- end -}}
{{- $hooks := or (eq $values.topics.provision "job") (and $values.schemaRegistry.url (ne $values.schema.provision "none")) -}}
{{- range $values.extraObjects -}}
{{- $object := tpl (ternary . (toYaml .) (kindIs "string" .)) $ | fromYaml -}}
{{- $name := dig "metadata" "name" "" $object -}}
{{- if and $hooks (has (get $object "kind") (list "ConfigMap" "Secret")) (has $name $mounted) (not (dig "metadata" "annotations" "helm.sh/hook" "" $object)) -}}
{{- fail (printf "\n\nextraObjects: %s %s is made after the hooks that mount it (extraVolumes), which would wait for it for ever: put schemas into `schemas`, or annotate it with helm.sh/hook: pre-install,pre-upgrade and helm.sh/hook-weight: \"-20\"\n" $object.kind $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
