//! What a BMC can say: kinds of messages, by the ids of DMTF's Base registry (DSP8011).

/// The registry and the version of it whose ids are used.
pub const BASE: &str = "Base.1.19";

/// How much a message matters, as Redfish spells it.
const OK: &str = "OK";
const WARNING: &str = "Warning";
const CRITICAL: &str = "Critical";

const NO_REMEDY: &str = "None.";

/// A kind of message, which needs so many arguments.
#[derive(Clone, Copy)]
pub struct Kind<const ARGUMENTS: usize> {
    /// Its id in the registry.
    pub id: &'static str,
    /// How much it matters.
    pub severity: &'static str,
    /// What it says, `%N` standing for its Nth argument.
    pub text: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
}

/// A kind whose text has a place for each argument, or else this does not compile.
const fn kind<const ARGUMENTS: usize>(
    id: &'static str,
    severity: &'static str,
    text: &'static str,
    remedy: &'static str,
) -> Kind<ARGUMENTS> {
    let (mut places, mut at) = (0, 0);
    while at < text.len() {
        if text.as_bytes()[at] == b'%' {
            places += 1;
        }
        at += 1;
    }
    assert!(places == ARGUMENTS, "the text has another number of arguments");
    Kind {
        id,
        severity,
        text,
        remedy,
    }
}

pub const SUCCESS: Kind<0> = kind("Success", OK, "It is done.", NO_REMEDY);
pub const NO_OPERATION: Kind<0> = kind("NoOperation", OK, "Nothing had to be changed.", NO_REMEDY);
pub const GENERAL_ERROR: Kind<0> = kind(
    "GeneralError",
    CRITICAL,
    "It was tried and failed.",
    "Read the messages beside this one, and the events of the lab.",
);
pub const INTERNAL_ERROR: Kind<0> = kind(
    "InternalError",
    CRITICAL,
    "It was tried and failed.",
    "Look at the events of the lab, and try again.",
);
pub const MALFORMED_JSON: Kind<0> = kind(
    "MalformedJSON",
    CRITICAL,
    "The body of the request is not a JSON object.",
    "Send a JSON object.",
);
pub const PROPERTY_UNKNOWN: Kind<1> = kind(
    "PropertyUnknown",
    WARNING,
    "The resource has no property %1.",
    "Leave the property out.",
);
pub const PROPERTY_NOT_WRITABLE: Kind<1> = kind(
    "PropertyNotWritable",
    WARNING,
    "The property %1 can only be read.",
    "Leave the property out.",
);
pub const PROPERTY_VALUE_TYPE_ERROR: Kind<2> = kind(
    "PropertyValueTypeError",
    WARNING,
    "The value %1 of the property %2 is of another type than the property.",
    "Give a value of the property's type.",
);
pub const PROPERTY_VALUE_NOT_IN_LIST: Kind<2> = kind(
    "PropertyValueNotInList",
    WARNING,
    "The value %1 of the property %2 is not one that it can have here.",
    "Give one of the values that the resource names.",
);
pub const PROPERTY_VALUE_FORMAT_ERROR: Kind<2> = kind(
    "PropertyValueFormatError",
    WARNING,
    "The value %1 of the property %2 has not the form it needs.",
    "Give a value of that form.",
);
pub const PROPERTY_VALUE_OUT_OF_RANGE: Kind<2> = kind(
    "PropertyValueOutOfRange",
    WARNING,
    "The value %1 of the property %2 is out of its range.",
    "Give a value in the range.",
);
pub const PROPERTY_VALUE_ERROR: Kind<1> = kind(
    "PropertyValueError",
    WARNING,
    "The property %1 can't have the value that was given.",
    "Give another value.",
);
pub const CREATE_FAILED_MISSING_REQ_PROPERTIES: Kind<1> = kind(
    "CreateFailedMissingReqProperties",
    CRITICAL,
    "To make the resource, the property %1 is needed.",
    "Give the property.",
);
pub const ACTION_PARAMETER_MISSING: Kind<2> = kind(
    "ActionParameterMissing",
    CRITICAL,
    "The action %1 needs the parameter %2.",
    "Give the parameter.",
);
pub const ACTION_PARAMETER_UNKNOWN: Kind<2> = kind(
    "ActionParameterUnknown",
    WARNING,
    "The action %1 has no parameter %2.",
    "Leave the parameter out.",
);
pub const ACTION_PARAMETER_VALUE_TYPE_ERROR: Kind<3> = kind(
    "ActionParameterValueTypeError",
    CRITICAL,
    "The value %1 of the parameter %2 of the action %3 is of another type than the parameter.",
    "Give a value of the parameter's type.",
);
pub const ACTION_PARAMETER_VALUE_NOT_IN_LIST: Kind<3> = kind(
    "ActionParameterValueNotInList",
    WARNING,
    "The value %1 of the parameter %2 of the action %3 is not one that it can have here.",
    "Give one of the values that the action names.",
);
pub const ACTION_PARAMETER_VALUE_ERROR: Kind<2> = kind(
    "ActionParameterValueError",
    WARNING,
    "The parameter %1 of the action %2 can't have the value that was given.",
    "Give another value.",
);
pub const COULD_NOT_ESTABLISH_CONNECTION: Kind<1> = kind(
    "CouldNotEstablishConnection",
    CRITICAL,
    "What %1 names can't be had.",
    "Look at the URL and its server, and try again.",
);
pub const RESOURCE_MISSING_AT_URI: Kind<1> = kind(
    "ResourceMissingAtURI",
    CRITICAL,
    "There is no resource %1.",
    "Follow the links from /redfish/v1.",
);
pub const RESOURCE_ALREADY_EXISTS: Kind<3> = kind(
    "ResourceAlreadyExists",
    CRITICAL,
    "There is a %1 whose %2 is %3 already.",
    "Give another value.",
);
pub const RESOURCE_IN_STANDBY: Kind<0> = kind(
    "ResourceInStandby",
    CRITICAL,
    "The machine is off, and that needs a machine that is on.",
    "Power the machine on first.",
);
pub const RESOURCE_IN_USE: Kind<0> = kind(
    "ResourceInUse",
    WARNING,
    "The state of the resource stands against it.",
    "Change its state first.",
);
pub const CREATE_LIMIT_REACHED_FOR_RESOURCE: Kind<0> = kind(
    "CreateLimitReachedForResource",
    CRITICAL,
    "There are as many resources of the kind as there can be.",
    "Delete one first.",
);
pub const SESSION_LIMIT_EXCEEDED: Kind<0> = kind(
    "SessionLimitExceeded",
    CRITICAL,
    "There are as many sessions as there can be.",
    "Delete one first, or wait until one expires.",
);
pub const OPERATION_NOT_ALLOWED: Kind<0> = kind(
    "OperationNotAllowed",
    CRITICAL,
    "The resource has no such method.",
    "Look at the Allow header for what it has.",
);
pub const NO_VALID_SESSION: Kind<0> = kind(
    "NoValidSession",
    CRITICAL,
    "The request came without a valid sign-in.",
    "Sign in, by a session or by basic authentication.",
);
pub const RESOURCE_AT_URI_UNAUTHORIZED: Kind<1> = kind(
    "ResourceAtUriUnauthorized",
    CRITICAL,
    "For %1, the name or the password is wrong.",
    "Sign in with another name or password.",
);
pub const INSUFFICIENT_PRIVILEGE: Kind<0> = kind(
    "InsufficientPrivilege",
    CRITICAL,
    "The account may not do that.",
    "Sign in with an account that may.",
);
pub const PRECONDITION_FAILED: Kind<0> = kind(
    "PreconditionFailed",
    CRITICAL,
    "The resource has changed since the ETag of the request.",
    "Read the resource again, and decide anew.",
);
pub const HEADER_INVALID: Kind<1> = kind(
    "HeaderInvalid",
    CRITICAL,
    "The header %1 is not what is understood here.",
    "Give another value, or leave the header out.",
);
pub const QUERY_NOT_SUPPORTED: Kind<0> = kind(
    "QueryNotSupported",
    WARNING,
    "That query is not understood here.",
    "Leave it out.",
);
pub const QUERY_NOT_SUPPORTED_ON_RESOURCE: Kind<0> = kind(
    "QueryNotSupportedOnResource",
    WARNING,
    "The resource can't be queried so.",
    "Leave the query out.",
);
pub const QUERY_NOT_SUPPORTED_ON_OPERATION: Kind<0> = kind(
    "QueryNotSupportedOnOperation",
    WARNING,
    "Only reading can be queried so.",
    "Leave the query out.",
);
pub const QUERY_COMBINATION_INVALID: Kind<0> = kind(
    "QueryCombinationInvalid",
    WARNING,
    "Those queries don't go together.",
    "Leave one of them out.",
);
pub const QUERY_PARAMETER_VALUE_TYPE_ERROR: Kind<2> = kind(
    "QueryParameterValueTypeError",
    WARNING,
    "The value %1 of the query %2 is of another type than the query.",
    "Give a value of the query's type.",
);
pub const QUERY_PARAMETER_VALUE_FORMAT_ERROR: Kind<2> = kind(
    "QueryParameterValueFormatError",
    WARNING,
    "The value %1 of the query %2 has not the form it needs.",
    "Give a value of that form.",
);
pub const QUERY_PARAMETER_OUT_OF_RANGE: Kind<3> = kind(
    "QueryParameterOutOfRange",
    WARNING,
    "The value %1 of the query %2 is out of its range, %3.",
    "Give a value in the range.",
);
pub const EVENT_SUBSCRIPTION_LIMIT_EXCEEDED: Kind<0> = kind(
    "EventSubscriptionLimitExceeded",
    CRITICAL,
    "There are as many subscriptions as there can be.",
    "Delete one first.",
);
