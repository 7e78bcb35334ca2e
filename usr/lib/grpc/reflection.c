// SPDX-License-Identifier: Apache-2.0
/*
 * Server reflection. Both versions have the same messages under different
 * package names, so one implementation answers both. Only what this server
 * serves is listed; any file that was built in may be asked for.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "grpc/descriptor.h"
#include "grpc/server.h"
#include "grpc/services.h"
#include "grpc/reflection.pb-c.h"

enum { SERVICES_MAX = 32, FILES_MAX = 16 };

typedef Grpc__Reflection__V1__ServerReflectionRequest Request;
typedef Grpc__Reflection__V1__ServerReflectionResponse Response;

static void reply(struct grpc_call *call, Response *response)
{
	/* Who asks without reading has the call ended, not a queue grown. */
	int ret = grpc_call_send(call, &response->base);

	if (ret && ret != -EPIPE)
		grpc_call_finish(call, GRPC_RESOURCE_EXHAUSTED,
				 "answers are not read as fast as they are asked for");
}

static void reply_error(struct grpc_call *call, Response *response,
			enum grpc_status status, const char *text)
{
	Grpc__Reflection__V1__ErrorResponse error =
		GRPC__REFLECTION__V1__ERROR_RESPONSE__INIT;

	error.error_code = (int32_t)status;
	error.error_message = (char *)text;
	response->message_response_case =
		GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE;
	response->error_response = &error;
	reply(call, response);
}

struct file_list {
	ProtobufCBinaryData files[FILES_MAX];
	size_t count;
};

static void add_file(struct file_list *list, const struct descriptor_file *file)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->files[i].data == file->bytes)
			return;
	if (list->count == FILES_MAX)
		return;
	list->files[list->count].data = (uint8_t *)file->bytes;
	list->files[list->count++].len = file->len;
}

static void add_import(const char *name, size_t len, void *arg)
{
	struct descriptor_file file;
	char text[256];

	if (len >= sizeof(text))
		return;
	memcpy(text, name, len);
	text[len] = '\0';
	if (descriptor_by_name(text, &file))
		add_file(arg, &file);
}

/* The file and, after it, what it needs; the list grows as it is walked. */
static void add_with_imports(struct file_list *list, const struct descriptor_file *file)
{
	add_file(list, file);
	for (size_t i = 0; i < list->count; i++) {
		struct descriptor_file at = { list->files[i].data, list->files[i].len };

		descriptor_each_import(&at, add_import, list);
	}
}

static void reply_file(struct grpc_call *call, Response *response, bool found,
		       const struct descriptor_file *file)
{
	Grpc__Reflection__V1__FileDescriptorResponse answer =
		GRPC__REFLECTION__V1__FILE_DESCRIPTOR_RESPONSE__INIT;
	struct file_list list = { 0 };

	if (!found) {
		reply_error(call, response, GRPC_NOT_FOUND, "no such file or symbol");
		return;
	}
	add_with_imports(&list, file);
	answer.n_file_descriptor_proto = list.count;
	answer.file_descriptor_proto = list.files;
	response->message_response_case =
		GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE;
	response->file_descriptor_response = &answer;
	reply(call, response);
}

struct service_list {
	Grpc__Reflection__V1__ServiceResponse item[SERVICES_MAX];
	Grpc__Reflection__V1__ServiceResponse *pointer[SERVICES_MAX];
	char name[SERVICES_MAX][128];
	size_t count;
};

static void add_service(const char *service, size_t len, void *arg)
{
	struct service_list *list = arg;
	size_t i = list->count;

	if (i == SERVICES_MAX || len >= sizeof(list->name[0]))
		return;
	memcpy(list->name[i], service, len);
	list->name[i][len] = '\0';
	grpc__reflection__v1__service_response__init(&list->item[i]);
	list->item[i].name = list->name[i];
	list->pointer[i] = &list->item[i];
	list->count++;
}

static void reply_services(struct grpc_call *call, Response *response)
{
	Grpc__Reflection__V1__ListServiceResponse answer =
		GRPC__REFLECTION__V1__LIST_SERVICE_RESPONSE__INIT;
	struct service_list list;

	list.count = 0;
	grpc_server_each_service(grpc_call_server(call), add_service, &list);
	answer.n_service = list.count;
	answer.service = list.pointer;
	response->message_response_case =
		GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_LIST_SERVICES_RESPONSE;
	response->list_services_response = &answer;
	reply(call, response);
}

/* Nothing here has extensions; a known type has none, others are not found. */
static void reply_extensions(struct grpc_call *call, Response *response, char *type)
{
	Grpc__Reflection__V1__ExtensionNumberResponse answer =
		GRPC__REFLECTION__V1__EXTENSION_NUMBER_RESPONSE__INIT;
	struct descriptor_file file;

	if (!descriptor_by_symbol(type, &file)) {
		reply_error(call, response, GRPC_NOT_FOUND, "no such type");
		return;
	}
	answer.base_type_name = type;
	response->message_response_case =
		GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ALL_EXTENSION_NUMBERS_RESPONSE;
	response->all_extension_numbers_response = &answer;
	reply(call, response);
}

static void on_request(struct grpc_call *call, const ProtobufCMessage *message, void *arg)
{
	Request *request = (Request *)message;
	Response response = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT;
	struct descriptor_file file;
	bool found;

	(void)arg;
	response.valid_host = request->host;
	response.original_request = request;
	switch (request->message_request_case) {
	case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME:
		found = descriptor_by_name(request->file_by_filename, &file);
		reply_file(call, &response, found, &file);
		return;
	case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL:
		found = descriptor_by_symbol(request->file_containing_symbol, &file);
		reply_file(call, &response, found, &file);
		return;
	case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_EXTENSION:
		reply_error(call, &response, GRPC_NOT_FOUND, "there are no extensions");
		return;
	case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_ALL_EXTENSION_NUMBERS_OF_TYPE:
		reply_extensions(call, &response, request->all_extension_numbers_of_type);
		return;
	case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES:
		reply_services(call, &response);
		return;
	case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST__NOT_SET:
	case _GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST__CASE_IS_INT_SIZE:
		break;
	}
	reply_error(call, &response, GRPC_INVALID_ARGUMENT, "the request asks for nothing");
}

static void on_requests_end(struct grpc_call *call, void *arg)
{
	(void)arg;
	grpc_call_finish(call, GRPC_OK, NULL);
}

#define REFLECTION(version) { \
	.path = "/grpc.reflection." version ".ServerReflection/ServerReflectionInfo", \
	.request = &grpc__reflection__v1__server_reflection_request__descriptor, \
	.many_requests = true, \
	.on_request = on_request, \
	.on_requests_end = on_requests_end, \
}

static const struct grpc_method methods[] = { REFLECTION("v1"), REFLECTION("v1alpha") };

int grpc_reflection_add(struct grpc_server *s)
{
	return grpc_server_add(s, methods, sizeof(methods) / sizeof(methods[0]), NULL);
}
