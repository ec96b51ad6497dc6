//! Kinds and their plural names: rules of a policy name plurals, objects name kinds.

use std::{any::TypeId, sync::LazyLock};

use k8s_openapi::{
    api::{
        admissionregistration::v1 as admissionregistration, apps::v1 as apps, autoscaling::v2 as autoscaling,
        batch::v1 as batch, certificates::v1 as certificates, coordination::v1 as coordination, core::v1 as core,
        discovery::v1 as discovery, events::v1 as events, networking::v1 as networking, node::v1 as node,
        policy::v1 as policy, rbac::v1 as rbac, scheduling::v1 as scheduling, storage::v1 as storage,
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1 as apiextensions,
    kube_aggregator::pkg::apis::apiregistration::v1 as apiregistration,
};
use upgrade_gate_core::{CLUSTER_EXTENSION, CLUSTER_VERSION, GroupResource, NODE_MAINTENANCE};

macro_rules! built_in {
    ($($kind:path),* $(,)?) => {
        vec![$(BuiltIn {
            group: <$kind as k8s_openapi::Resource>::GROUP,
            kind: <$kind as k8s_openapi::Resource>::KIND,
            plural: <$kind as k8s_openapi::Resource>::URL_PATH_SEGMENT,
            is_namespaced: TypeId::of::<<$kind as k8s_openapi::Resource>::Scope>()
                == TypeId::of::<k8s_openapi::NamespaceResourceScope>(),
        }),*]
    };
}

/// What every API server serves, whatever its version of the kind.
struct BuiltIn {
    group: &'static str,
    kind: &'static str,
    plural: &'static str,
    is_namespaced: bool,
}

static BUILT_IN: LazyLock<Vec<BuiltIn>> = LazyLock::new(|| {
    built_in![
        admissionregistration::MutatingWebhookConfiguration,
        admissionregistration::ValidatingAdmissionPolicy,
        admissionregistration::ValidatingAdmissionPolicyBinding,
        admissionregistration::ValidatingWebhookConfiguration,
        apiextensions::CustomResourceDefinition,
        apiregistration::APIService,
        apps::ControllerRevision,
        apps::DaemonSet,
        apps::Deployment,
        apps::ReplicaSet,
        apps::StatefulSet,
        autoscaling::HorizontalPodAutoscaler,
        batch::CronJob,
        batch::Job,
        certificates::CertificateSigningRequest,
        coordination::Lease,
        core::ConfigMap,
        core::Endpoints,
        core::Event,
        core::LimitRange,
        core::Namespace,
        core::Node,
        core::PersistentVolume,
        core::PersistentVolumeClaim,
        core::Pod,
        core::PodTemplate,
        core::ReplicationController,
        core::ResourceQuota,
        core::Secret,
        core::Service,
        core::ServiceAccount,
        discovery::EndpointSlice,
        events::Event,
        networking::Ingress,
        networking::IngressClass,
        networking::NetworkPolicy,
        node::RuntimeClass,
        policy::PodDisruptionBudget,
        rbac::ClusterRole,
        rbac::ClusterRoleBinding,
        rbac::Role,
        rbac::RoleBinding,
        scheduling::PriorityClass,
        storage::CSIDriver,
        storage::CSINode,
        storage::CSIStorageCapacity,
        storage::StorageClass,
        storage::VolumeAttachment,
    ]
});

/// The group of an `apiVersion`; empty for the core group.
pub(crate) fn group_of(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// The plural of a kind: the API server's own for built-in kinds, else the lower-case English
/// plural, which is what generators of CustomResourceDefinitions write. Never taken from a CRD of
/// the snapshot: whether an object is looked at must not depend on the order of files.
pub fn resource_of(group: &str, kind: &str) -> GroupResource {
    let resource = built_in(group, kind).map_or_else(|| english_plural(&kind.to_lowercase()), |it| it.plural.into());
    GroupResource { group: group.into(), resource }
}

/// Whether every API server serves the kind, so that no CustomResourceDefinition can be missing.
pub(crate) fn is_built_in(group: &str, kind: &str) -> bool {
    built_in(group, kind).is_some()
}

fn built_in(group: &str, kind: &str) -> Option<&'static BuiltIn> {
    BUILT_IN.iter().find(|it| (it.group, it.kind) == (group, kind))
}

/// Whether objects of the kind live in namespaces: of a kind that is not known they may.
pub(crate) fn is_namespaced(group: &str, kind: &str) -> bool {
    let of_cluster = [NODE_MAINTENANCE, CLUSTER_EXTENSION, CLUSTER_VERSION];
    match built_in(group, kind) {
        Some(it) => it.is_namespaced,
        None => !of_cluster.iter().any(|it| (it.group(), it.kind) == (group, kind)),
    }
}

/// Whether the group's kinds are defined by CustomResourceDefinitions wherever they are stored. Others may come from an
/// API server of their own, which needs none.
pub(crate) fn is_of_crds(group: &str) -> bool {
    group == "operators.coreos.com" || group == "kubevirt.io" || group.ends_with(".kubevirt.io")
}

/// Source: the rules of k8s.io/gengo/v2 `namer/plural_namer.go`, which name CRDs' plurals.
fn english_plural(singular: &str) -> String {
    let mut backwards = singular.chars().rev();
    let (last, before) = (backwards.next(), backwards.next());
    match (last, before) {
        (Some('s' | 'x' | 'z'), _) | (Some('h'), Some('c' | 's')) => format!("{singular}es"),
        (Some('y'), Some(letter)) if !"aeiou".contains(letter) => {
            format!("{}ies", singular.strip_suffix('y').unwrap_or(singular))
        }
        _ => format!("{singular}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plurals() {
        let cases = [
            ("nodemaintenance.kubevirt.io", "NodeMaintenance", "nodemaintenances"),
            ("hco.kubevirt.io", "HyperConverged", "hyperconvergeds"),
            ("operators.coreos.com", "ClusterServiceVersion", "clusterserviceversions"),
            ("migrations.kubevirt.io", "MigrationPolicy", "migrationpolicies"),
            ("k8s.cni.cncf.io", "Switch", "switches"),
            ("networkaddonsoperator.network.kubevirt.io", "Gateway", "gateways"),
            ("", "Endpoints", "endpoints"),
            ("networking.k8s.io", "NetworkPolicy", "networkpolicies"),
            ("apiextensions.k8s.io", "CustomResourceDefinition", "customresourcedefinitions"),
        ];
        for (group, kind, plural) in cases {
            assert_eq!(resource_of(group, kind).resource, plural, "{kind}");
        }
    }
}
