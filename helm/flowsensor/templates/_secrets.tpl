{{/*
The folder /etc/flowsensor: flowsensor.conf and, below secrets/, the Secrets that the configuration names. One volume,
since a volume can't be mounted into another one that is read-only.
*/}}

{{/*
JSON list of {secret, items: {KEY: FILE}} and {audience, expirationSeconds, file}; what isn't configured isn't mounted.
(dict "context" $ "purpose" ...): as flowsensor.options.
*/}}
{{- define "flowsensor.secrets" -}}
{{- $values := .context.Values -}}
{{- $sources := list -}}
{{- if ne .purpose "schema" -}}
{{- with include "flowsensor.sasl" . | fromJson -}}
{{- if and .enabled .oauth.audience -}}
{{- $sources = append $sources (dict "audience" .oauth.audience "expirationSeconds" .oauth.expirationSeconds "file" "kafka/token") -}}
{{- else if .enabled -}}
{{- $items := dict .passwordKey "kafka/password" -}}
{{- if not .username }}{{ $_ := set $items .usernameKey "kafka/username" }}{{ end -}}
{{- $sources = append $sources (dict "secret" .existingSecret "items" $items) -}}
{{- end -}}
{{- end -}}
{{- with $values.kafka.tls -}}
{{- if .enabled -}}
{{- $tls := dict "tls" . "caSecret" (.caSecret | default .existingSecret) "folder" "kafka-tls" -}}
{{- $sources = concat $sources (include "flowsensor.tlsSecrets" $tls | fromJsonArray) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with $values.schemaRegistry -}}
{{- if .url -}}
{{- if .existingSecret -}}
{{- $items := dict .usernameKey "registry/username" .passwordKey "registry/password" -}}
{{- if .bearerTokenKey }}{{ $items = dict .bearerTokenKey "registry/token" }}{{ end -}}
{{- $sources = append $sources (dict "secret" .existingSecret "items" $items) -}}
{{- end -}}
{{- $tls := dict "tls" .tls "caSecret" .tls.existingSecret "folder" "registry-tls" -}}
{{- $sources = concat $sources (include "flowsensor.tlsSecrets" $tls | fromJsonArray) -}}
{{- end -}}
{{- end -}}
{{- range $file, $from := dict "anonymization/key" $values.anonymization "identity/conn-key" $values.identity.connKey "identity/key" $values.identity -}}
{{- if $from.existingSecret -}}
{{- $sources = append $sources (dict "secret" $from.existingSecret "items" (dict $from.key $file)) -}}
{{- end -}}
{{- end -}}
{{- toJson $sources -}}
{{- end -}}

{{- define "flowsensor.tlsSecrets" -}}
{{- $sources := list -}}
{{- if and .caSecret .tls.caKey -}}
{{- $sources = append $sources (dict "secret" .caSecret "items" (dict .tls.caKey (printf "%s/ca.crt" .folder))) -}}
{{- end -}}
{{- if and .tls.existingSecret .tls.certificateKey -}}
{{- $items := dict .tls.certificateKey (printf "%s/tls.crt" .folder) .tls.keyKey (printf "%s/tls.key" .folder) -}}
{{- $sources = append $sources (dict "secret" .tls.existingSecret "items" $items) -}}
{{- end -}}
{{- toJson $sources -}}
{{- end -}}

{{/* (dict "context" $ "purpose" ... "configMap" NAME): as flowsensor.options. */}}
{{- define "flowsensor.configVolume" -}}
name: config
projected:
  # For the process's group (podSecurityContext.fsGroup) to read, and for nobody else.
  defaultMode: 0440
  sources:
    - configMap:
        name: {{ .configMap }}
    {{- range include "flowsensor.secrets" . | fromJsonArray }}
    {{- if .audience }}
    - serviceAccountToken:
        audience: {{ .audience | quote }}
        expirationSeconds: {{ int .expirationSeconds }}
        path: secrets/{{ .file }}
    {{- else }}
    - secret:
        name: {{ .secret }}
        items:
          {{- range $key, $file := .items }}
          - key: {{ $key }}
            path: secrets/{{ $file }}
          {{- end }}
    {{- end }}
    {{- end }}
{{- end -}}
