{{/*
The state volume: the cache of schema ids, each Kafka output's spool, and its dead letters. Sizes come from the options that the sensor
will read, so extraConfig counts too.
*/}}

{{/* Bytes that the sensor may put there: (dict "context" $). */}}
{{- define "flowsensor.stateBytes" -}}
{{- $options := include "flowsensor.options" (dict "context" .context "purpose" "run") | fromJson -}}
{{- $mib := 1048576 -}}
{{- $bytes := mul 64 $mib -}}
{{- range $options.outputs -}}
{{- if and .topic $options.spool.directory }}{{ $bytes = add $bytes (include "flowsensor.bytes" ($options.spool.size | default "1GiB") | int64) }}{{ end -}}
{{- if .dead_letters }}{{ $bytes = add $bytes (mul 64 $mib) }}{{ end -}}
{{- end -}}
{{- $bytes -}}
{{- end -}}

{{/* The emptyDir's limit. The kubelet ends a pod whose volume is larger, and the spool goes with it: so it is never less than that. */}}
{{- define "flowsensor.stateLimit" -}}
{{- $bytes := include "flowsensor.stateBytes" (dict "context" .) | int64 -}}
{{- $needed := div (add $bytes 1048575) 1048576 -}}
{{- $given := include "flowsensor.scalar" (.Values.state.sizeLimit | default "") -}}
{{- if and $given (lt (include "flowsensor.quantity" $given | int64) $bytes) -}}
{{- fail (printf "\n\nstate.sizeLimit %s is less than what the sensor may keep there, %dMi: spool.size %s for each Kafka output, 64Mi for its dead letters, and 64Mi. A fuller volume would end the pod and lose the spool. Take the line away, or lower spool.size\n" $given $needed .Values.spool.size) -}}
{{- end -}}
{{- $given | default (printf "%dMi" $needed) -}}
{{- end -}}

{{/*
Requests and limits of the node's disk, as JSON: (dict "context" $). With an emptyDir the volume is part of them; the limit has 512 MiB for the
container's log on top. A hostPath is nobody's.
*/}}
{{- define "flowsensor.ephemeral" -}}
{{- $resources := .context.Values.resources -}}
{{- $request := include "flowsensor.scalar" (get $resources.requests "ephemeral-storage" | default "") -}}
{{- $limit := include "flowsensor.scalar" (get $resources.limits "ephemeral-storage" | default "") -}}
{{- if eq .context.Values.state.type "emptyDir" -}}
{{- $volume := include "flowsensor.stateLimit" .context -}}
{{- $bytes := include "flowsensor.quantity" $volume | int64 -}}
{{- $request = $request | default $volume -}}
{{- if and $limit (lt (include "flowsensor.quantity" $limit | int64) $bytes) -}}
{{- fail (printf "\n\nresources.limits.ephemeral-storage %s is less than the state volume's %s: the pod would be ended while its spool fills; raise it, or lower spool.size\n" $limit $volume) -}}
{{- end -}}
{{- $limit = $limit | default (printf "%dMi" (add (div (add $bytes 1048575) 1048576) 512)) -}}
{{- end -}}
{{- if and $request $limit (gt (include "flowsensor.quantity" $request | int64) (include "flowsensor.quantity" $limit | int64)) -}}
{{- fail (printf "\n\nresources.requests.ephemeral-storage %s is more than the limit %s: lower it, or set resources.limits.ephemeral-storage\n" $request $limit) -}}
{{- end -}}
{{- dict "request" $request "limit" $limit | toJson -}}
{{- end -}}
